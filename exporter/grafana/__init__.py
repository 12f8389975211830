"""The boards, pushed into a Grafana that exists already: looked at whole, told, and then written.

grafana-api is the HTTP layer (`session` guards it, `client` adds what it lacks); `looking` compares, `pushing` writes.
"""
