"""Other people's estimators of depth and normals, each through its own library, by one interface."""
