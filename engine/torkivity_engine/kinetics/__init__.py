"""What electrons do in a layer and at an interface."""
