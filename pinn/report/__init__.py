"""What a person sees of a run: lines in the terminal, figures. Only importer of rich and matplotlib."""
