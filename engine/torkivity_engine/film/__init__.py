"""What a film is: layers, interfaces, outer boundaries and the stack they form."""
