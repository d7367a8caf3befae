"""Facts + target + options → Plan; pure."""
