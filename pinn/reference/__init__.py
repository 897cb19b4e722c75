def check_reference(p): pass
