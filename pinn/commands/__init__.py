"""The verbs of the command `pinn`, a file each with `main(argv) -> exit code`."""
