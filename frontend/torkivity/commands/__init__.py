"""The commands, one module each. They parse, call and print; heavy imports wait until one runs."""
