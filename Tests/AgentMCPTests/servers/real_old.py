"""A server made with the official package of the session era: real_old.py stdio | http PORT"""
import asyncio
import os
import sys

from mcp.server.fastmcp import Context, FastMCP, Image
from mcp.server.lowlevel import NotificationOptions
from mcp.types import ToolAnnotations
from pydantic import BaseModel

arguments = sys.argv[1:]
server = FastMCP(
    "real-old",
    host="127.0.0.1",
    port=int(arguments[1]) if len(arguments) > 1 else 0,
    json_response="json" in arguments,
)


class Sum(BaseModel):
    total: int


class Colour(BaseModel):
    colour: str


@server.tool(annotations=ToolAnnotations(readOnlyHint=True))
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
def die() -> str:
    """Ends the process."""
    os._exit(3)


@server.tool()
async def paint(what: str, ctx: Context) -> str:
    """Asks a person in the middle of the call."""
    answer = await ctx.elicit("Which colour?", Colour)
    return f"{what}: {answer.action}"


@server.tool()
async def grow(ctx: Context) -> str:
    """Adds a tool."""

    def grown() -> str:
        """Was not there before."""
        return "grown"

    server.add_tool(grown)
    await ctx.session.send_tool_list_changed()
    return "grew"


@server.tool()
def forget() -> str:
    """Forgets all sessions, as a restart would."""
    manager = server._session_manager
    if manager is not None:
        manager._server_instances.clear()
    return "forgotten"


@server.resource("note://hello")
def hello() -> str:
    """A note."""
    return "hello from a resource"


@server.prompt()
def greet(name: str) -> str:
    """Greets."""
    return f"Say hello to {name}."


# The package says nothing of changes unless it is asked to.
create_options = server._mcp_server.create_initialization_options
server._mcp_server.create_initialization_options = lambda *_, **__: create_options(
    NotificationOptions(tools_changed=True))

if __name__ == "__main__":
    server.run("stdio" if arguments[0] == "stdio" else "streamable-http")
