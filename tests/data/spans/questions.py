"""Questions about made-up paragraphs, whose answers are whole words."""

import random

from albert_lab.data.tasks.examples import Answer, SpanExample
from tests.lab import made_up_text


def make_questions(count: int, seed: int = 0, impossible: float = 0.0) -> list[SpanExample]:
    """Each asks for one or two words of its paragraph, every third paragraph for two of them; a share for none.

    Accents, quotes, white space and a capital that lower case lengthens shift characters between text and pieces.
    """
    draw = random.Random(seed)
    paragraphs = ["\n".join(text.split("\n")[:3]) for text in made_up_text(count, seed).split("\n\n")]
    questions = []
    for number in range(count):
        context = paragraphs[number - (number % 3 == 1)].replace("\n", draw.choice([" ", "  ", "\n", " ``ça''  İ "]))
        context = context.replace("ba", draw.choice(["ba", "bá", "Ba", "ﬁ"]))
        words = context.split(" ")
        text = ""
        while not text:
            first = draw.randrange(len(words) - 4)
            text = " ".join(words[first : first + draw.randint(1, 2)]).strip(".`' \n")
        answer = Answer(text, context.index(text))
        question = f"Where is {' '.join(draw.sample(words, draw.randint(1, 12)))}?"
        known = draw.random() >= impossible
        questions.append(SpanExample(f"q{number}", question, context, (answer,) if known else (), not known))
    return questions
