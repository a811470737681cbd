"""What a camera saw around an event: clips with the moment before it, pictures, and the pose of every frame."""
