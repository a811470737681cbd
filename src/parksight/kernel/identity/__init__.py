"""Who somebody is and what they may do: people, posts, departments, sign-in, tokens, device credentials."""
