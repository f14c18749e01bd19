"""What every HTTP handler needs: the actor, and errors as responses."""
