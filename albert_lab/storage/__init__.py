"""What is stored on disk and how it stays whole: atomic files and folders, locks, digests, full disks, downloads."""
