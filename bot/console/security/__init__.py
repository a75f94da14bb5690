"""Who is there: signing in, sessions, invitations, second factors, and what guards every route."""
