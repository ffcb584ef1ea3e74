"""What is deployed, checked without a cloud. A parser is no compiler: docs/deploy.md says what this leaves open."""
