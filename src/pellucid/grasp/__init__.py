"""From depth to grasps: candidates, simulated trials, and the table of success."""
