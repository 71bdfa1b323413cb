"""Chapter B: so far the steps that every trainer shares."""
