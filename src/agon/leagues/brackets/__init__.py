"""Brackets: who meets whom, and who won, from (format, entrants, results) alone. Pure.

format        the rules of a bracket, as format.schema.json publishes them
seeding       in which order entrants are seeded, and where a seed stands
matches       a match: two slots, who fills them, where winner and loser go
elimination   single elimination, with or without a match for third place
double        the losers' rounds and the grand final
round_robin   everyone against everyone, by the circle method
groups        who is in which group, and where those who advance stand
swiss         who plays whom in the next round (matching: as few rematches as there can be)
standings     points and tie-breakers, down to a total order
placements    ranges of places, such as 5-6
reports       a result as it is reported
playing       a bracket that is played: report, undo, preview
replay        the same from a recorded list of results: the result kind `leagues.bracket`
drawing       a bracket as lines of text
"""
