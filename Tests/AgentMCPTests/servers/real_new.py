"""A server made with the official package, revision 2026-07-28 and before: real_new.py stdio | http PORT"""
import asyncio
import os
import sys
from typing import Annotated

from mcp.server.mcpserver import Context, Elicit, Image, MCPServer, Resolve
from mcp.types import ToolAnnotations
from pydantic import BaseModel

server = MCPServer("real-new", instructions="Adds numbers.")


class Sum(BaseModel):
    total: int


class Colour(BaseModel):
    colour: str


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
def add(a: int, b: int) -> Sum:
    """Adds two numbers."""
    return Sum(total=a + b)


@server.tool()
def picture() -> Image:
    """Draws a picture."""
    return Image(data=b"\x89PNG\r\n", format="png")


@server.tool()
def fail() -> str:
    """Fails."""
    raise ValueError("it does not work")


@server.tool()
async def slow(seconds: float, ctx: Context) -> str:
    """Takes its time."""
    for step in range(10):
        await ctx.report_progress(step, 10, f"step {step}")
        await asyncio.sleep(seconds / 10)
    return "done"


@server.tool()
def environment() -> str:
    """Names of the environment and open descriptors."""
    names = sorted(name for name in os.environ if name not in ("LC_CTYPE",))
    return ",".join(names) + ";" + os.environ.get(names[0] if names else "", "")


@server.tool()
def die() -> str:
    """Ends the process."""
    os._exit(3)


async def ask_colour() -> Elicit[Colour]:
    return Elicit("Which colour?", Colour)


@server.tool()
def paint(what: str, colour: Annotated[Colour, Resolve(ask_colour)]) -> str:
    """Paints in a colour that a person chooses."""
    return f"{what} is {colour.colour}"


@server.tool()
async def grow(ctx: Context) -> str:
    """Adds a tool."""

    def grown() -> str:
        """Was not there before."""
        return "grown"

    server.add_tool(grown)
    await ctx.notify_tools_changed()
    return "grew"


@server.resource("note://hello")
def hello() -> str:
    """A note."""
    return "hello from a resource"


@server.resource("note://{name}/text")
def named(name: str) -> str:
    """A note of a name."""
    return f"note {name}"


@server.prompt()
def greet(name: str) -> str:
    """Greets."""
    return f"Say hello to {name}."


if __name__ == "__main__":
    if sys.argv[1] == "stdio":
        server.run("stdio")
    else:
        server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[2]), json_response="json" in sys.argv)
