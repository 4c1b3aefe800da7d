"use strict";
// Fills the plots over grids from the numbers in the page, and follows its controls.
(() => {
  const MARKS = 25;

  function model(name) {
    for (const doc of Bokeh.documents) {
      const found = doc.get_model_by_name(name);
      if (found) return found;
    }
    return null;
  }

  function unpacked(text) {
    const bytes = Uint8Array.from(atob(text), c => c.charCodeAt(0));
    return new Float32Array(bytes.buffer);
  }

  function extent(values) {
    let low = Infinity, high = -Infinity;
    for (const y of values) if (Number.isFinite(y)) { low = Math.min(low, y); high = Math.max(high, y); }
    return [low, high];
  }

  // Zero stays in sight, as in the figures.
  function setRange(range, low, high, zero) {
    if (low > high) [low, high] = [-1, 1];
    if (zero) [low, high] = [Math.min(low, 0), Math.max(high, 0)];
    const margin = 0.06 * (high - low) || 0.5 * Math.abs(high) || 1;
    range.setv({start: low - margin, end: high + margin,
                reset_start: low - margin, reset_end: high + margin});
  }

  // Where the values of an axis lie in a plot: their logarithms, where they are spaced like powers.
  const placed = axis => axis.logarithmic ? axis.positions.map(x => Math.log10(x)) : axis.positions;

  function edges(x) {
    if (x.length < 2) return [x[0] - 0.5, x[0] + 0.5];
    const between = x.slice(1).map((b, i) => 0.5 * (x[i] + b));
    return [2 * x[0] - between[0], ...between, 2 * x[x.length - 1] - between[between.length - 1]];
  }

  function setAxis(drawn, axis) {
    drawn.axis_label = axis.label;
    if (!drawn.tags.length) drawn.tags = [drawn.ticker];
    const labels = new Map();
    if (axis.logarithmic) {
      const x = placed(axis), low = Math.min(...x), high = Math.max(...x), ticks = [];
      for (let k = Math.floor(low); k <= Math.ceil(high); k++)
        for (const n of high - low < 2.5 ? [1, 2, 5] : [1]) {
          ticks.push(k + Math.log10(n));
          labels.set(k + Math.log10(n), String(Number(`${n}e${k}`)));
        }
      drawn.ticker = new (Bokeh.Models.get("FixedTicker"))({ticks});
    } else {
      drawn.ticker = drawn.tags[0];
      drawn.ticker.min_interval = axis.names !== null ? 1 : 0;
      if (axis.names !== null) axis.names.forEach((text, i) => labels.set(i, text));
    }
    drawn.major_label_overrides = labels;
  }

  function node(tag, attributes, ...children) {
    const made = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  class Grid {
    constructor(place, data) {
      this.place = place;
      this.data = data;
      this.along = data.along;
      this.across = data.axes.findIndex((axis, i) => i !== this.along && axis.positions.length > 1);
      this.map = false;
      this.shown = 0;  // the model of a map
      this.view = 0;
      this.at = data.axes.map(() => 0);
      this.strides = data.axes.map(() => 1);
      for (let i = data.axes.length - 2; i >= 0; i--)
        this.strides[i] = this.strides[i + 1] * data.axes[i + 1].positions.length;
      for (const view of data.views)
        for (const panel of view.panels)
          for (const key of Object.keys(panel.lines)) panel.lines[key] = unpacked(panel.lines[key]);
      this.controls();
      this.draw();
    }

    chooser(label, texts, chosen, change) {
      const select = node("select", {});
      texts.forEach((text, i) => {
        const option = node("option", {value: i}, text);
        option.selected = i === chosen;
        select.append(option);
      });
      select.addEventListener("change", () => { change(Number(select.value)); this.draw(); });
      return node("label", {}, node("span", {}, label), select);
    }

    controls() {
      const {axes, views} = this.data;
      const box = this.place.querySelector(".controls");
      const varied = axes.map((_, i) => i).filter(i => axes[i].positions.length > 1);
      const names = varied.map(i => axes[i].label);
      if (views.length > 1)
        box.append(this.chooser("show", views.map(v => v.title), this.view, i => { this.view = i; }));
      if (varied.length > 1)
        box.append(this.chooser("as", ["lines", "map"], 0, i => { this.map = i === 1; }),
          this.chooser("against", names, varied.indexOf(this.along), i => { this.turn(varied[i], this.across); }),
          this.chooser("and", names, varied.indexOf(this.across), i => { this.turn(this.along, varied[i]); }),
          this.chooser("of", this.data.titles.map((x, i) => x || "values"), 0, i => { this.shown = i; }));
      this.choosers = [...box.querySelectorAll("select")].slice(varied.length > 1 ? -4 : 0);
      this.varied = varied;
      this.sliders = axes.map((axis, i) => {
        const last = axis.positions.length - 1;
        const input = node("input", {type: "range", min: 0, max: last, step: 1, value: 0});
        const output = node("output", {});
        const label = node("label", {class: "slider"}, output, input);
        input.addEventListener("input", () => { this.at[i] = Number(input.value); this.draw(); });
        if (last > 0) box.append(label);
        return {input, output, label};
      });
      this.fit = node("input", {type: "checkbox"});
      this.fit.addEventListener("change", () => this.draw());
      if (varied.length > 1)
        box.append(node("label", {class: "check"}, this.fit, "scale to these curves"));
      this.table = node("div", {class: "scroll", tabindex: 0, role: "region",
                                "aria-label": "numbers of these curves"});
      this.details = node("details", {}, node("summary", {}, "Numbers of these curves"), this.table);
      this.details.addEventListener("toggle", () => this.numbers());
      this.place.append(this.details);
    }

    // Two different axes: the one that is taken gives its place to the other.
    turn(along, across) {
      if (along === across) [along, across] = [this.across, this.along];
      [this.along, this.across] = [along, across];
    }

    choose() {
      if (this.varied.length < 2) return;
      const [, along, across, shown] = this.choosers;
      along.value = this.varied.indexOf(this.along);
      across.value = this.varied.indexOf(this.across);
      across.parentElement.hidden = !this.map;
      shown.parentElement.hidden = !this.map || this.data.models.length < 2;
      const legend = this.place.querySelector(".legend");
      if (legend) legend.hidden = this.map;
    }

    draw() {
      const {key, axes, views, models} = this.data;
      this.choose();
      const axis = axes[this.along], view = views[this.view];
      this.sliders.forEach(({input, output, label}, i) => {
        const text = axes[i].texts[this.at[i]];
        output.textContent = text;
        input.setAttribute("aria-label", axes[i].label);
        input.setAttribute("aria-valuetext", text);
        label.hidden = i === this.along || (this.map && i === this.across);
      });
      let base = 0;
      axes.forEach((_, i) => { if (i !== this.along && !(this.map && i === this.across)) base += this.at[i] * this.strides[i]; });
      this.base = base;
      let figure;
      for (let p = 0; (figure = model(`${key}-${p}`)); p++) {
        const panel = view.panels[p];
        figure.visible = panel !== undefined;
        if (panel && this.map) this.tiles(figure, p, panel, axis);
        else if (panel) this.panel(figure, p, panel, axis, models);
      }
      this.numbers();
    }

    curve(panel, name) {
      const values = panel.lines[name], stride = this.strides[this.along];
      const positions = this.data.axes[this.along].positions;
      return positions.map((_, i) => values ? values[this.base + i * stride] : NaN);
    }

    panel(figure, p, panel, axis, models) {
      const shown = [];
      models.forEach((name, m) => {
        const y = this.curve(panel, name);
        shown.push(...y);
        const all = {x: placed(axis), y, at: axis.texts,
                     model: y.map(() => this.data.titles[m] || panel.title)};
        const every = Math.ceil(y.length / MARKS);
        const kept = y.map((_, i) => i).filter(i => this.data.marked[m] ? i % every === 0
          : !(Number.isFinite(y[i - 1]) || Number.isFinite(y[i + 1])));
        const some = {};
        for (const column of Object.keys(all)) some[column] = kept.map(i => all[column][i]);
        for (const [end, data] of [["", all], ["-points", some]]) {
          const source = model(`${this.data.key}-${p}-${name}${end}`);
          if (source) source.data = data;  // markers alone have no line
        }
      });
      const range = this.fit.checked ? [shown]
        : Object.values(panel.lines);
      let low = Infinity, high = -Infinity;
      for (const values of range) {
        const [a, b] = extent(values);
        low = Math.min(low, a); high = Math.max(high, b);
      }
      setRange(figure.y_range, low, high, this.data.titles[0] !== "");
      setRange(figure.x_range, ...extent(placed(axis)), false);
      figure.title.text = panel.title;
      setAxis(figure.below[0], axis);
      setAxis(figure.left[0], {label: panel.label, names: null, logarithmic: false});
      this.noTiles(p);
    }

    noTiles(p) {
      const source = model(`${this.data.key}-${p}-map`), bar = model(`${this.data.key}-${p}-bar`);
      if (!source) return;
      bar.visible = false;
      source.data = Object.fromEntries(["left", "right", "bottom", "top", "value", "at", "model", "y"].map(c => [c, []]));
    }

    // A map: a rectangle for each point, none where there is a gap.
    tiles(figure, p, panel, axis) {
      const {key, axes, models, titles, palettes} = this.data, other = axes[this.across];
      for (const name of models)
        for (const end of ["", "-points"]) {
          const source = model(`${key}-${p}-${name}${end}`);
          if (source) source.data = {x: [], y: [], at: [], model: []};
        }
      const all = panel.lines[models[this.shown]] || [];
      const data = {left: [], right: [], bottom: [], top: [], value: [], at: [], model: [], y: []};
      const across = edges(placed(other)), along = edges(placed(axis));
      for (let j = 0; j < other.positions.length; j++)
        for (let i = 0; i < axis.positions.length; i++) {
          const value = all[this.base + i * this.strides[this.along] + j * this.strides[this.across]];
          if (!Number.isFinite(value)) continue;
          data.left.push(along[i]); data.right.push(along[i + 1]);
          data.bottom.push(across[j]); data.top.push(across[j + 1]);
          data.value.push(value); data.y.push(value);
          data.at.push(`${axis.texts[i]}, ${other.texts[j]}`); data.model.push(titles[this.shown] || panel.title);
        }
      let [low, high] = extent(this.fit.checked ? data.value : all);
      if (low > high) [low, high] = [-1, 1];
      const largest = Math.max(-low, high) || 1, both = low < -1e-9 * largest && high > 1e-9 * largest;
      if (both) [low, high] = [-largest, largest];
      if (low === high) high = low + Math.abs(low || 1);
      model(`${key}-${p}-colours`).setv({low, high,
        palette: both ? palettes.both : low < 0 ? palettes.negative : palettes.positive});
      model(`${key}-${p}-map`).data = data;
      model(`${key}-${p}-bar`).setv({visible: true, title: panel.label});
      figure.x_range.setv({start: along[0], end: along[along.length - 1],
                           reset_start: along[0], reset_end: along[along.length - 1]});
      figure.y_range.setv({start: across[0], end: across[across.length - 1],
                           reset_start: across[0], reset_end: across[across.length - 1]});
      figure.title.text = [panel.title, titles.length > 1 && titles[this.shown]].filter(x => x).join(", ");
      setAxis(figure.below[0], axis);
      setAxis(figure.left[0], other);
    }

    numbers() {
      if (!this.details.open) return;
      const axis = this.data.axes[this.along], columns = [], head = [axis.label];
      if (this.map) return this.mapNumbers(axis);
      for (const panel of this.data.views[this.view].panels)
        this.data.models.forEach((name, m) => {
          if (!panel.lines[name]) return;
          columns.push(this.curve(panel, name));
          head.push([panel.title, this.data.titles[m], panel.label].filter(x => x).join(", "));
        });
      this.fillTable(axis, head, columns);
    }

    mapNumbers(axis) {
      const other = this.data.axes[this.across], columns = [], head = [axis.label];
      for (const panel of this.data.views[this.view].panels) {
        const values = panel.lines[this.data.models[this.shown]] || [];
        other.texts.forEach((text, j) => {
          columns.push(axis.positions.map((_, i) =>
            values[this.base + i * this.strides[this.along] + j * this.strides[this.across]]));
          head.push([panel.title, text, panel.label].filter(x => x).join(", "));
        });
      }
      this.fillTable(axis, head, columns);
    }

    fillTable(axis, head, columns) {
      const rows = axis.positions.map((x, i) => node("tr", {},
        node("th", {scope: "row"}, axis.names ? axis.names[i] : String(Number(x.toPrecision(6)))),
        ...columns.map(y => node("td", {}, Number.isFinite(y[i]) ? y[i].toPrecision(5) : "–"))));
      this.table.replaceChildren(node("table", {},
        node("thead", {}, node("tr", {}, ...head.map(x => node("th", {scope: "col"}, x)))),
        node("tbody", {}, ...rows)));
    }
  }

  function renderers(key) {
    const found = [];
    for (let p = 0, figure; (figure = model(`${key}-${p}`)); p++) found.push(...figure.renderers);
    return found;
  }

  function switches(place) {
    for (const input of place.querySelectorAll("input[data-line]"))
      input.addEventListener("change", () => {
        for (const line of renderers(place.dataset.key))
          if (line.name === input.dataset.line) line.visible = input.checked;
      });
  }

  const scheme = matchMedia("(prefers-color-scheme: dark)"), print = matchMedia("print");
  function colours() {
    const dark = scheme.matches && !print.matches;  // paper is white
    const [ink, grid, ground] = dark ? ["#e5e7eb", "#374151", "#111827"]
      : ["#1f2937", "#e5e7eb", "#ffffff"];
    for (const place of document.querySelectorAll("[data-key]"))
      for (let p = 0, figure; (figure = model(`${place.dataset.key}-${p}`)); p++) {
        figure.setv({background_fill_color: ground, border_fill_color: ground, outline_line_color: ink});
        figure.title.text_color = ink;
        for (const axis of [...figure.below, ...figure.left])
          axis.setv({axis_label_text_color: ink, major_label_text_color: ink, axis_line_color: ink,
                     major_tick_line_color: ink, minor_tick_line_color: null});
        for (const bar of figure.right)
          bar.setv({background_fill_color: ground, title_text_color: ink, major_label_text_color: ink});
        for (const part of figure.center) if ("grid_line_color" in part) part.grid_line_color = grid;
        for (const line of figure.renderers) {
          const [property, light, other] = line.glyph.tags;
          if (property) line.glyph[property] = dark ? other : light;
        }
      }
  }

  function start() {
    const places = [...document.querySelectorAll("[data-key]")];
    if (!places.every(place => model(`${place.dataset.key}-0`))) { setTimeout(start, 20); return; }
    for (const place of places) {
      const script = place.querySelector("script[type='application/json']");
      if (script) new Grid(place, JSON.parse(script.textContent));
      switches(place);
    }
    colours();
    for (const query of [scheme, print]) query.addEventListener("change", colours);
    document.documentElement.dataset.ready = "yes";
  }
  document.addEventListener("DOMContentLoaded", start);
})();
