"""A film to turn in the hand: a local page with a control for every parameter, and its curves."""
