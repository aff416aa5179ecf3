"""The rooms of the two consumers: the volume alert and the open-interest poller."""
