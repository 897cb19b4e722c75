"""Many runs of one problem: which, where they are kept, and how they are run."""
