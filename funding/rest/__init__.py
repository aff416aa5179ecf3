"""The exchanges' REST interfaces, within the group's budget and bans."""
