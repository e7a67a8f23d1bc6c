"""The intermediate representation: terms, equations, Systems, and their text form."""
