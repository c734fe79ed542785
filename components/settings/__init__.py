"""The stack's settings: typed, complete with defaults, and refused as a whole.

`stack` holds the whole, the other modules one subject each: its sections, and the mistakes that only several keys
together tell. `section` has what they share, `formats` the rules of outside systems that several of them need,
`mistakes` the words.
"""

from components.settings.stack import Settings, SettingsError, from_stack, load

__all__ = ["Settings", "SettingsError", "from_stack", "load"]
