"""Writes specs/reference/gazette.txt: made-up news of a harbour town, from word lists and a seed.

Sentences come from a small grammar; within each list the i-th word is drawn with a probability
proportional to 1 / (i + 1.5), so that word counts fall about like a power law, with a tail of names
made of syllables. No sentence is anybody's. Run this file to write the text anew.
"""

from __future__ import annotations

import random
import re
from pathlib import Path

TARGET = Path(__file__).parents[1] / "specs" / "reference" / "gazette.txt"
SEED = 20_261_121
BYTES = 92_000

LISTS: dict[str, str] = {
    "noun": """harbour market council bridge ship school road river town mayor house boat field
        mill church storm train garden farmer baker letter shop crowd band library clock wall tower
        captain teacher doctor fisherman ferry barge cart horse dog gate lamp roof well barn orchard
        meadow forest quarry canal lock dam pump engine wheel rope net sail anchor mast lantern bell
        choir theatre painter poet carpenter mason smith weaver tailor miller clerk judge sailor
        pilot porter warden ranger shepherd flock cattle harvest wheat barley apple pear plum honey
        cheese bread fish eel oyster salt timber stone brick slate glass paper ink map ledger
        parcel coin stamp ticket notice petition vote rule fee debt loan prize medal statue fountain
        bench kiosk tavern inn kitchen cellar attic stable kennel hedge ditch fence stile path lane
        square alley quay pier jetty sluice weir ford marsh dune cliff cove bay island reef tide
        current fog frost snow hail drought flood gale breeze sunrise dusk winter summer festival
        parade contest regatta auction lecture concert supper wedding funeral quarrel rumour
        mystery shadow spark ember ash kettle ladder hammer chisel saw plough scythe basket barrel
        crate sack wagon saddle bridle whip collar feather nest heron gull otter fox badger hare
        hedgehog owl raven swan goose duck trout salmon crab lobster beetle moth bee spider
        telescope barometer compass sextant organ fiddle drum trumpet harp loom spindle needle
        thimble quilt cloak boot glove scarf button ribbon mirror comb soap candle wick lid hinge
        latch key rivet bolt nail plank rafter beam gutter chimney hearth bellows furnace kiln""",
    "adjective": """old new small great quiet long narrow heavy early late local green wet dry cold
        warm bright dark broken steep busy empty careful proud tired famous strange plain wooden
        iron rusty muddy sandy shallow deep wide tall short crooked smooth rough clean dusty faded
        golden silver grey white black red blue yellow pale loud gentle stubborn cheerful sullen
        curious patient hasty honest generous thrifty clumsy nimble sturdy fragile hollow solid
        sharp blunt bitter sweet sour salty fragrant smoky misty frosty windy sunny distant nearby
        hidden forgotten restored painted woven carved polished patched borrowed stolen rented
        public private official secret annual weekly sudden gradual modest lavish ancient modern
        unfinished spotless lopsided threadbare weathered whimsical solemn rowdy drowsy""",
    "verb": """opened closed repaired painted visited praised moved sold bought found watched built
        blamed carried crossed cleaned measured counted feared welcomed followed guarded lost
        rented borrowed mended washed raised lowered sank launched loaded emptied filled stacked
        inspected approved rejected delayed cancelled planned announced described sketched named
        renamed admired ignored defended attacked surrounded entered left reached missed planted
        watered trimmed harvested stored weighed priced taxed auctioned donated inherited stole
        returned hid uncovered buried polished scrubbed sharpened bent broke straightened replaced
        copied printed posted signed sealed burned rescued towed anchored beached christened
        decorated serenaded outwitted befriended scolded consoled""",
    "adverb": """again slowly at_last in_the_morning yesterday with_care without_a_word by_night
        quietly on_Monday in_the_rain before_noon after_supper twice for_good in_a_hurry as_usual
        on_Thursday together at_dawn once_more in_secret on_Sunday against_advice by_lantern_light
        in_good_order for_the_third_time with_a_flourish to_everyone's_surprise""",
    "saying": """said wrote thought claimed hoped reported admitted complained remembered insisted
        whispered denied suspected promised swore conceded""",
    "place": """near_the by_the behind_the under_the beside_the in_the above_the across_from_the
        along_the opposite_the below_the beyond_the""",
    "number": """two three four five six seven eight nine ten eleven twelve fifteen twenty thirty
        forty fifty sixty ninety""",
    "month": """May June March October April July September January November February December
        August""",
    "onset": """Mar Tol Bren Hal Wick Ash Dun Cor Pen Fen Gar Lin Stan Mor Thorn Els Bram Har Kel
        Ren Sel Tarn Ul Ver Wen Yar Ox Crom Bel Dray""",
    "rhyme": """row bury wick ford ham ley worth den mere stead well by ton combe thorpe dale holt
        croft gate field wold hurst""",
}
RULES: dict[str, tuple[str, ...]] = {
    "text": ("{who} {verb} {what}.",) * 5
    + ("{who} {verb} {what} {adverb}.",) * 4
    + ("{who} {verb} {what}, and {who} {verb} {what}.",) * 2
    + ("{who} {saying} that {who} {verb} {what}.",) * 3
    + ("On the {number} of {month} {who} {verb} {what} {where}.",)
    + ("There was {a} {where}, and it was {adjective}.", "It was {adjective} {adverb}.")
    + (
        "In {month} {number} {noun}s were counted {where}.",
        "Nobody {verb} {what}, {saying} {name}.",
    ),
    "who": ("the {noun}",) * 5
    + ("the {adjective} {noun}",) * 3
    + ("{name}", "{name}", "{a}", "the {noun} of {name}", "they", "she", "he"),
    "what": ("the {noun}",) * 5
    + ("{a}", "{a}", "the {adjective} {noun}", "the {noun} of the {noun}", "{number} {noun}s")
    + ("the {noun} {where}", "it", "{name}"),
    "a": ("a {noun}", "a {adjective} {noun}"),
    "where": ("{place} {noun}",) * 3 + ("in {name}", "{place} {adjective} {noun}"),
    "name": ("{onset}{rhyme}",),
}
PLURALS = {"fishs": "fish", "churchs": "churches", "foxs": "foxes", "benchs": "benches"}


def write() -> str:
    """The text: paragraphs of sentences, one to a line."""
    generator = random.Random(SEED)
    words = {name: text.split() for name, text in LISTS.items()}
    weights = {name: [1 / (i + 1.5) for i in range(len(w))] for name, w in words.items()}

    def grow(name: str) -> str:
        if name in words:
            (word,) = generator.choices(words[name], weights[name])
            return word.replace("_", " ")
        rule = generator.choice(RULES[name])
        return re.sub(r"\{(\w+)\}", lambda match: grow(match[1]), rule)

    lines: list[str] = []
    size = 0
    while size < BYTES:
        sentence = re.sub(r"\ba(?= [aeiou])", "an", grow("text"))
        for wrong, right in PLURALS.items():
            sentence = re.sub(rf"\b{wrong}\b", right, sentence)
        lines.append(
            sentence[0].upper() + sentence[1:] + ("\n" if not generator.randrange(6) else "")
        )
        size += len(lines[-1]) + 1
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    TARGET.write_text(write(), encoding="utf-8")
