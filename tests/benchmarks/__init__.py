"""What Suanli costs, measured beside other programs on the same machine in the same run: `make bench`."""
