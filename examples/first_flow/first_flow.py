"""A first flow: two checkpoints, and a question between them."""

from kitaru import checkpoint, flow, wait


@checkpoint
def draft(topic: str) -> str:
    """Stands for work that you would not pay for twice."""
    return f"three facts about {topic}"


@checkpoint
def publish(text: str) -> str:
    """Stands for what cannot be taken back."""
    return f"published: {text}"


@flow
def article(topic: str) -> str:
    """Draft, ask, publish."""
    text = draft(topic)
    if not wait(schema=bool, name="approve", question=f"Publish {text!r}?"):
        return "rejected"
    return publish(text)


if __name__ == "__main__":
    print(article.run("octopuses").wait())
