"""What the program asks of the machine: kernel cache, BLAS, threads, memory."""
