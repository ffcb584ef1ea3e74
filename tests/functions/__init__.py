"""The gateway inside the real Azure Functions runtime. Run by scripts/functions_tests.py, on Python 3.13 or later."""
