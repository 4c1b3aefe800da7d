"use strict";
// Shows what the program says of a film, and tells it what is changed.
(() => {
  const SLOTS = {
    first: "Torque", resistance: "Sheet resistance", second: "Torque, second curve",
    third: "Torque, third curve", profile: "Through the film",
  };
  const DASHES = {dashed: "6 3", dotted: "2 3", dashdot: "6 3 2 3", dotdash: "2 3 6 3"};
  const SHAPES = {
    circle: "M13.5 6a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0-7 0", x: "M13.5 2.5l7 7m0-7l-7 7",
    square: "M13.5 2.5h7v7h-7z", triangle: "M17 2l4 7.5h-8z", diamond: "M17 1.5l4.5 4.5-4.5 4.5-4.5-4.5z",
  };
  const $ = id => document.getElementById(id);
  const narrow = matchMedia("(max-width: 60rem)").matches;
  let state = null, signature = "", socket = null;

  function node(tag, attributes, ...children) {
    const made = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes))
      if (value !== null && value !== false) made.setAttribute(key, value === true ? "" : value);
    made.append(...children);
    return made;
  }

  // --- Talking. One wish at a time: what is changed meanwhile is sent together, the newest values.
  let number = 0, waiting = false, since = 0, next = null;

  function send(message) {
    if (waiting) {
      const merged = next && Object.keys(next)[0] === Object.keys(message)[0] ? next : null;
      if (merged && message.set) Object.assign(merged.set, message.set);
      else if (merged && message.view) {
        const axes = {...merged.view.axes, ...message.view.axes};
        Object.assign(merged.view, message.view, {axes});
      } else if (next) { queue.push(next); next = message; } else next = message;
      return;
    }
    waiting = true;
    since = performance.now();
    socket.send(JSON.stringify({n: ++number, ...message}));
    $("state").textContent = "Computing.";
  }
  const queue = [];

  function answered(message) {
    if (!waiting || message.n !== number) return;
    waiting = false;
    const start = since;
    if (message.type === "answer")
      requestAnimationFrame(() => performance.measure("answer", {start, end: performance.now()}));
    if (queue.length) send(queue.shift());
    else if (next) { const message = next; next = null; send(message); }
  }

  function receive(event) {
    const message = JSON.parse(event.data);
    if (message.type === "state") showState(message);
    else if (message.type === "problem") showProblem(message);
    else if (message.type === "answer") showAnswer(message);
    else if (message.type === "file") save(message.name, message.media, message.base64);
    else if (message.type === "done" && message.n === number)
      $("state").textContent = "All curves are those of the film seen.";
    if (message.type !== "state") answered(message);
  }

  function connect() {
    const address = new URL("socket", location.href);
    address.protocol = location.protocol.replace("http", "ws");
    socket = new WebSocket(address);
    socket.onmessage = receive;
    socket.onopen = () => send({start: true});
    socket.onclose = () => {
      $("state").textContent = "";
      problem("page-problem", "The program has stopped: start it again, and open the address that it says. " +
        "What is written under TOML can still be saved.");
    };
  }

  function save(name, media, base64) {
    const bytes = Uint8Array.from(atob(base64), c => c.charCodeAt(0));
    const link = node("a", {download: name, href: URL.createObjectURL(new Blob([bytes], {type: media}))});
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  // --- Problems, each beside what it is about.
  function problem(id, text) {
    const place = $(id) || $("page-problem");
    place.textContent = text;
    place.hidden = !text;
  }
  const idOf = path => "c-" + [...path].map(c => /[A-Za-z0-9_]/.test(c) ? c : "-" + c.charCodeAt(0)).join("");

  function showProblem({at, text}) {
    $("state").textContent = "";
    const input = $(idOf(at));
    if (input) {
      input.setAttribute("aria-invalid", "true");
      problem(idOf(at) + "-problem", text);
    } else problem(`${at.replace(/ /g, "-")}-problem`, text);
  }

  function noProblems() {
    for (const place of document.querySelectorAll(".problem")) { place.hidden = true; place.textContent = ""; }
    for (const input of document.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
  }

  // --- Controls.
  function fill(select, options, chosen) {
    const old = JSON.stringify([...select.options].map(o => [o.value, o.text]));
    const entries = Object.entries(options);
    if (old !== JSON.stringify(entries))
      select.replaceChildren(...entries.map(([value, text]) => node("option", {value}, text)));
    if (document.activeElement !== select || select.value !== chosen) select.value = chosen;
  }

  function places({span, integer}) {
    const [low, high, logarithmic] = span;
    if (integer) return high - low;
    return logarithmic ? 200 : high - low === 360 ? 360 : 200;
  }
  function valueAt(control, place) {
    const [low, high, logarithmic] = control.span, part = place / places(control);
    const exact = logarithmic ? low * (high / low) ** part : low + (high - low) * part;
    if (control.integer) return String(Math.round(exact));
    if (!logarithmic && Math.abs(exact) < 1e-9 * (high - low)) return "0";
    return String(Number(logarithmic ? exact.toPrecision(3)
      : exact.toFixed(Math.max(0, 3 - Math.floor(Math.log10(high - low))))));
  }
  function placeOf(control) {
    const [low, high, logarithmic] = control.span, value = Number(control.value);
    const part = logarithmic ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
    return Math.round(part * places(control));
  }

  function makeControl(group, control) {
    const id = idOf(control.path), whose = group.title;
    const unit = control.unit ? ` (${control.unit})` : "";
    const described = {"aria-describedby": `${id}-problem ${id}-note`};
    const label = node("label", {for: id}, control.label + unit);
    const input = control.choices.length
      ? node("select", {id, ...described}, ...control.choices.map(c => node("option", {value: c}, c)))
      : node("input", {id, type: "text", inputmode: control.number ? "decimal" : null, autocomplete: "off",
                       ...described});
    input.dataset.path = control.path;
    input.addEventListener("change", () => send({set: {[control.path]: input.value}}));
    const slider = node("input", {id: `${id}-slider`, type: "range", min: 0, step: 1,
      "aria-label": `${whose} ${control.label}, slider`});
    slider.addEventListener("input", () => {
      const now = byPath.get(control.path);
      input.value = valueAt(now, Number(slider.value));
      slider.setAttribute("aria-valuetext", `${input.value} ${now.unit}`);
      send({set: {[control.path]: input.value}});
    });
    return node("div", {class: "control"}, label, input, slider,
      node("p", {id: `${id}-problem`, class: "problem", role: "alert", hidden: true}),
      node("p", {id: `${id}-note`, class: "note"}));
  }

  const byPath = new Map();
  function showControls(groups) {
    const now = JSON.stringify(groups.map(g => [g.owner, g.kind, g.controls.map(c => [c.path, c.choices])]));
    byPath.clear();
    for (const group of groups) for (const control of group.controls) byPath.set(control.path, control);
    if (now !== signature) {
      signature = now;
      $("controls").replaceChildren(...groups.map((group, i) => node("details",
        {open: narrow ? i === 0 : !["left", "right", "drift_diffusion"].includes(group.owner)},
        node("summary", {}, group.title + " ", node("span", {class: "soft"}, group.kind)),
        ...group.controls.map(control => makeControl(group, control)))));
    }
    for (const control of byPath.values()) {
      const input = $(idOf(control.path)), slider = $(`${idOf(control.path)}-slider`);
      input.value = control.value;
      $(`${idOf(control.path)}-note`).textContent = control.note;
      slider.hidden = control.span === null;
      if (control.span !== null) {
        slider.max = places(control);
        if (document.activeElement !== slider) slider.value = placeOf(control);
        slider.setAttribute("aria-valuetext", `${control.value} ${control.unit}`);
      }
    }
  }

  function swatch({colour, dash, marker}) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const part = d => {
      const path = document.createElementNS(svg.namespaceURI, "path");
      for (const [k, v] of Object.entries({d, fill: "none", stroke: colour, "stroke-width": 2})) path.setAttribute(k, v);
      svg.append(path);
      return path;
    };
    svg.setAttribute("viewBox", "0 0 34 12");
    svg.setAttribute("class", "swatch");
    svg.setAttribute("aria-hidden", "true");
    if (dash !== "none") part("M1 6h32").setAttribute("stroke-dasharray", DASHES[dash] || "none");
    if (SHAPES[marker]) part(SHAPES[marker]);
    return svg;
  }

  function showModels(models, chosen) {
    const box = $("models");
    if (!box.querySelector("input"))
      for (const model of models) {
        const input = node("input", {type: "checkbox", value: model.name});
        input.addEventListener("change", () => send({view: {models:
          [...box.querySelectorAll("input:checked")].map(x => x.value)}}));
        box.append(node("label", {}, input, swatch(model), model.title));
      }
    for (const [i, input] of [...box.querySelectorAll("input")].entries()) {
      input.checked = chosen.includes(input.value);
      input.disabled = models[i].disabled;
    }
  }

  function showPins(pins) {
    $("pinned").replaceChildren(...pins.map(pin => {
      const back = node("button", {type: "button"}, "Back to it"), gone = node("button", {type: "button"}, "Let go");
      back.setAttribute("aria-label", `Back to ${pin.title}`);
      gone.setAttribute("aria-label", `Let ${pin.title} go`);
      back.addEventListener("click", () => send({back: pin.key}));
      gone.addEventListener("click", () => send({unpin: pin.key}));
      return node("li", {"data-key": pin.key}, swatch({colour: pin.colour, dash: "solid"}), node("span", {}, pin.title), back, gone);
    }));
  }

  function showState(message) {
    if (message.n < number) return;
    state = message;
    noProblems();
    $("title").textContent = message.title;
    document.title = `${message.title} - torkivity explore`;
    $("picture").innerHTML = message.picture;
    $("picture").setAttribute("aria-label", `The film ${message.title}, layers to scale`);
    showControls(message.groups);
    const texts = {"": "the file of the command line"};
    for (const [name, words] of Object.entries(message.presets)) texts[name] = `${name}: ${words}`;
    if (!$("preset").options.length) fill($("preset"), texts, "");
    if (document.activeElement !== $("toml") || !typing) { $("toml").value = message.toml; typing = false; }
    const {view, choices} = message;
    showModels(choices.models, view.models);
    fill($("place"), choices.places, view.place);
    fill($("part"), choices.parts, view.part);
    fill($("source"), choices.sources, view.source);
    $("cartesian").checked = view.cartesian;
    showPins(message.pins);
    for (const slot of Object.keys(SLOTS)) showAxis(slot);
    for (const slot of Object.keys(SLOTS)) {
      const kept = new Set(["", ...message.pins.map(pin => pin.key)]);
      for (const film of [...answers[slot].keys()]) if (!kept.has(film)) { answers[slot].delete(film); draw(slot); }
    }
  }
  let typing = false;

  // --- Plots.
  const answers = Object.fromEntries(Object.keys(SLOTS).map(slot => [slot, new Map()]));
  const plots = new Map();

  function makeSlot(slot) {
    const box = node("section", {class: "slot", id: `slot-${slot}`, "aria-labelledby": `heading-${slot}`});
    const shown = node("input", {type: "checkbox", checked: true});
    shown.addEventListener("change", () => {
      box.querySelector(".inside").hidden = !shown.checked;
      send({view: {shown: ["mesh", ...Object.keys(SLOTS).filter(s => $(`slot-${s}`).querySelector("input").checked)]}});
    });
    const saving = ["PNG", "PDF", "SVG", "CSV"].map(kind => {
      const button = node("button", {type: "button", "aria-label": `Save ${SLOTS[slot]} as ${kind}`}, kind);
      button.addEventListener("click", () => {
        problem(`export-${slot}-problem`, "");
        socket.send(JSON.stringify({export: kind.toLowerCase(), slot}));
      });
      return button;
    });
    const axis = ["first", "second", "third"].includes(slot) ? axisControls(slot) : "";
    const inside = node("div", {class: "inside"}, axis,
      node("p", {id: `axis-${slot}-problem`, class: "problem", role: "alert", hidden: true}),
      node("ul", {class: "notes", hidden: true}),
      node("figure", {}, node("div", {class: "panels"}), node("div", {class: "legend"}),
        node("figcaption", {class: "soft"})),
      node("p", {class: "row"}, "Save", ...saving),
      node("p", {id: `export-${slot}-problem`, class: "problem", role: "alert", hidden: true}),
      node("details", {}, node("summary", {}, "Numbers of these curves"),
        node("div", {class: "scroll", tabindex: 0, role: "region", "aria-label": `numbers of ${SLOTS[slot]}`})));
    inside.querySelector("details").addEventListener("toggle", () => numbers(slot));
    box.append(node("h3", {id: `heading-${slot}`}, node("label", {}, shown, ` ${SLOTS[slot]}`)), inside);
    return box;
  }

  function axisControls(slot) {
    const path = node("select", {id: `path-${slot}`});
    const [low, high, count] = ["low", "high", "count"].map(name =>
      node("input", {type: "text", inputmode: "decimal", id: `${name}-${slot}`, autocomplete: "off"}));
    const logarithmic = node("input", {type: "checkbox", id: `logarithmic-${slot}`});
    path.addEventListener("change", () => send({view: {axes: {[slot]: {path: path.value}}}}));
    for (const input of [low, high, count, logarithmic])
      input.addEventListener("change", () => send({view: {axes: {[slot]: {path: path.value, low: low.value,
        high: high.value, count: count.value, logarithmic: logarithmic.checked}}}}));
    return node("p", {class: "row"}, node("label", {}, "against", path), node("label", {}, "from", low),
      node("label", {}, "to", high), node("label", {}, "points", count),
      node("label", {}, logarithmic, "logarithmic"));
  }

  function showAxis(slot) {
    const axis = state.view.axes[slot], select = $(`path-${slot}`);
    if (!select) return;
    $(`slot-${slot}`).hidden = axis === undefined;
    if (axis === undefined) return;
    fill(select, state.choices.axes, axis.path);
    $(`low-${slot}`).value = Number(axis.low.toPrecision(6));
    $(`high-${slot}`).value = Number(axis.high.toPrecision(6));
    $(`count-${slot}`).value = axis.count;
    $(`logarithmic-${slot}`).checked = axis.logarithmic;
  }

  function showAnswer(message) {
    if (message.n < number) return;  // of a film that is not seen any more
    if (message.slot === "mesh") {
      $("mesh").textContent = message.facts.text;
      $("mesh").className = message.facts.grown ? "warning" : "soft";
      return;
    }
    answers[message.slot].set(message.film, message);
    draw(message.slot);
  }

  const raised = number => number === 0 ? "" : "10" + [...String(number)].map(c => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(c)]).join("");
  const powerOf = largest => {
    const power = largest > 0 ? Math.floor(Math.log10(largest)) : 0;
    return power > -2 && power < 3 ? 0 : power;
  };

  function filmsOf(slot) {
    const pins = state.pins.filter(pin => answers[slot].has(pin.key));
    const found = pins.map(pin => ({...pin, answer: answers[slot].get(pin.key)}));
    const current = answers[slot].get("");
    return current ? [...found, {key: "", title: "the film seen", answer: current}] : found;
  }

  function draw(slot) {
    const films = filmsOf(slot), current = answers[slot].get("");
    const box = $(`slot-${slot}`), panels = box.querySelector(".panels");
    const notes = films.flatMap(film => film.answer.notes.map(note => film.key ? `${film.title}: ${note}` : note));
    const list = box.querySelector(".notes");
    list.replaceChildren(...notes.map(note => node("li", {}, note)));
    list.hidden = notes.length === 0;
    const count = current ? current.panels.length : 0;
    panels.className = `panels n${count}`;
    for (let p = 0; items[`${slot}-${p}`]; p++) {
      const name = `${slot}-${p}`;
      if (p < count && !plots.has(name)) makePlot(name);
      if (!plots.has(name)) continue;
      plots.get(name).place.hidden = p >= count;
      if (p < count && plots.get(name).figure) drawPanel(slot, p, films, current);
    }
    const labels = current && [...new Set(current.panels.map(x => x.label))];
    const titles = current && current.panels.map(x => x.title).filter(x => x && !labels.includes(x));
    const words = current && count ? `${labels.join(", ")}${titles.length && slot !== "profile" ? `, ${titles.join(" and ")}` : ""}: ` +
      `${films.map(f => f.title).join(", ")}, against ${current.label}.` : "Nothing to be seen.";
    box.querySelector("figcaption").textContent = slot === "profile" && current
      ? `${words} By the Boltzmann equation. Layers from the bottom: ${(current.facts.layers || []).join(", ")}; grey lines are interfaces.` : words;
    box.querySelector("figure").setAttribute("aria-label", words);
    box.querySelector(".legend").replaceChildren(...(slot === "profile" && count ? current.panels[0].lines.map(line =>
      node("span", {}, swatch(line), line.title)) : []));
    numbers(slot);
  }

  function drawPanel(slot, p, films, current) {
    const {figure, lines, points, faces} = plots.get(`${slot}-${p}`), panel = current.panels[p];
    const shown = films.filter(film => film.answer.panels[p] && film.answer.label === current.label);
    const logarithmic = current.logarithmic, along = x => x === null ? NaN : logarithmic ? Math.log10(x) : x;
    let low = Infinity, high = -Infinity, first = Infinity, last = -Infinity;
    for (const film of shown) {
      for (const x of film.answer.x) if (x !== null) { first = Math.min(first, along(x)); last = Math.max(last, along(x)); }
      for (const line of film.answer.panels[p].lines)
        for (const y of line.y) if (y !== null) { low = Math.min(low, y); high = Math.max(high, y); }
    }
    if (low > high) [low, high] = [0, 1];
    if (slot !== "resistance" || p === 1) [low, high] = [Math.min(low, 0), Math.max(high, 0)];
    const power = powerOf(Math.max(Math.abs(low), Math.abs(high))), unit = 10 ** power;
    const line = {xs: [], ys: [], colour: [], dash: [], width: []};
    const point = {x: [], y: [], at: [], value: [], line: [], colour: [], fill: [], marker: [], size: []};
    for (const film of shown) {
      const x = film.answer.x.map(along);
      for (const entry of film.answer.panels[p].lines) {
        const colour = film.key ? film.colour : entry.colour, y = entry.y.map(v => v === null ? NaN : v / unit);
        if (entry.dash !== "none") {
          line.xs.push(x); line.ys.push(y); line.colour.push(colour);
          line.dash.push(entry.dash); line.width.push(film.key ? 1.5 : 2.2);
        }
        for (let i = 0; i < x.length; i++) {
          if (Number.isNaN(x[i]) || Number.isNaN(y[i])) continue;
          point.x.push(x[i]); point.y.push(y[i]); point.at.push(film.answer.x[i]); point.value.push(entry.y[i]);
          point.line.push(film.key ? `${film.title}, ${entry.title}` : entry.title);
          point.colour.push(colour); point.fill.push(entry.marker ? "#ffffff" : colour);
          point.marker.push(entry.marker || "circle"); point.size.push(entry.marker ? 7 : slot === "profile" ? 2 : 4);
        }
      }
    }
    lines.data = line;
    points.data = point;
    range(figure.y_range, low / unit, high / unit);
    range(figure.x_range, first <= last ? first : 0, first <= last ? last : 1);
    figure.title.text = panel.title;
    const [below] = figure.below, [left] = figure.left;
    below.axis_label = current.label;
    const units = [raised(power), panel.units].filter(x => x).join(" ");
    left.axis_label = panel.label + (units ? ` (${units})` : "");
    below.ticker = logarithmic ? logTicks(first, last) : plots.get(`${slot}-${p}`).ticker;
    below.major_label_overrides = logarithmic ? labels(first, last) : new Map();
    if (faces) faces.data = {x: current.facts.faces || []};
  }

  function range(range, low, high) {
    const margin = 0.05 * (high - low) || 0.5 * Math.abs(high) || 1;
    range.setv({start: low - margin, end: high + margin, reset_start: low - margin, reset_end: high + margin});
  }

  function decades(first, last) {
    const found = [];
    for (let k = Math.floor(first); k <= Math.ceil(last); k++)
      for (const n of last - first < 2.5 ? [1, 2, 5] : [1]) found.push([k + Math.log10(n), Number(`${n}e${k}`)]);
    return found;
  }
  const logTicks = (first, last) =>
    new (Bokeh.Models.get("FixedTicker"))({ticks: decades(first, last).map(([at]) => at)});
  const labels = (first, last) => new Map(decades(first, last).map(([at, value]) => [at, String(value)]));

  function numbers(slot) {
    const box = $(`slot-${slot}`), details = box.querySelector("details");
    if (!details.open) return;
    const films = filmsOf(slot), current = answers[slot].get("");
    if (!current) return;
    const columns = [], head = [current.label];
    for (const film of films) {
      if (film.answer.label !== current.label || film.answer.x.length !== current.x.length) continue;
      for (const panel of film.answer.panels) for (const line of panel.lines) {
        head.push([film.key && film.title, panel.title, line.title, panel.units].filter(x => x).join(", "));
        columns.push(line.y);
      }
    }
    const text = y => y === null ? "–" : Number(y.toPrecision(5)).toString();
    const rows = current.x.map((x, i) => x === null ? null : node("tr", {},
      node("th", {scope: "row"}, String(Number(x.toPrecision(6)))), ...columns.map(c => node("td", {}, text(c[i])))));
    details.querySelector(".scroll").replaceChildren(node("table", {},
      node("thead", {}, node("tr", {}, ...head.map(x => node("th", {scope: "col"}, x)))),
      node("tbody", {}, ...rows.filter(x => x))));
  }

  // A plot is made when there is something to be drawn.
  let items = {};
  function makePlot(name) {
    const [slot] = name.split("-"), place = node("div", {id: `plot-${name}`});
    plots.set(name, {place});
    $(`slot-${slot}`).querySelector(".panels").append(place);
    Bokeh.embed.embed_item(items[name], place).then(() => {
      const doc = Bokeh.documents.find(x => x.get_model_by_name(name) !== null);
      const find = end => doc.get_model_by_name(name + end);
      const figure = find("");
      plots.set(name, {place, figure, lines: find("-lines"), points: find("-points"), faces: find("-faces"),
                       ticker: figure.below[0].ticker});
      draw(slot);
    });
  }

  function listen() {
    for (const id of ["place", "part", "source"])
      $(id).addEventListener("change", event => send({view: {[id]: event.target.value}}));
    $("cartesian").addEventListener("change", event => send({view: {cartesian: event.target.checked}}));
    $("preset").addEventListener("change", event => send({preset: event.target.value}));
    $("toml").addEventListener("input", () => { typing = true; });
    $("use-toml").addEventListener("click", () => { typing = false; send({toml: $("toml").value}); });
    $("save-toml").addEventListener("click", () => {
      const bytes = new TextEncoder().encode($("toml").value);
      save("film.toml", "application/toml", btoa(String.fromCharCode(...bytes)));
    });
    $("pin").addEventListener("click", () => { send({pin: $("pin-title").value}); $("pin-title").value = ""; });
    $("save-all").addEventListener("click", () => socket.send(JSON.stringify({export: "csv", slot: ""})));
  }

  document.addEventListener("DOMContentLoaded", async () => {
    $("slots").append(...Object.keys(SLOTS).map(makeSlot));
    items = await (await fetch("plots.json")).json();
    listen();
    connect();
    document.documentElement.dataset.ready = "yes";
  });
})();
