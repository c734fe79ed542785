"""PostgreSQL without an operator: a primary on one site, a streaming standby on another."""
