"""Machines that are nothing but an sshd."""
