"""Words shared by every room: versions, the plan, facts, findings, errors."""
