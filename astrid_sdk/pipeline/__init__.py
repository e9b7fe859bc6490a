"""The pure steps from raw frames to detections, and the chain they make."""
