"""Many runs that answer one question: their cells, and running them side by side."""
