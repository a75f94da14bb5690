"""One module per channel, each against the contract in `bot.channels.base`."""
