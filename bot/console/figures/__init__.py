"""The page of figures: a period in the address, each chart with its table beside it. What is counted: `bot.figures`."""
