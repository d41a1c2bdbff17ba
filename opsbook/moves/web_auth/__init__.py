"""The password of a service that asks for one by itself, by its web.yml: where it is, who uses it, how it is changed and put back."""
