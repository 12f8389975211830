"""Published traces of real clusters, told as history files, with sums of their own to check the product against."""
