"""The steps that every trainer shares."""
