"""The APIs that other providers have of their own: Anthropic, Gemini, Vertex, Bedrock, Cohere, Voyage."""
