"""Telling people of alerts: what each channel is to be told, the message, and its delivery through Apprise.

Promise: what a channel is to be told is in the store before anybody tries to send it, and is sent until the channel has
taken it or it is given up by age; a crash repeats a message, under the same id, and loses none.
"""
