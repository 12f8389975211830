"""The catalogues of messages: gathering what is said, and proving that all of it is said in Chinese."""
