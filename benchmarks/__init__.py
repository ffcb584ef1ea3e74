"""What a gateway's speed is measured against."""
