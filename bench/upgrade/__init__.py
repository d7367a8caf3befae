"""One real upgrade done in three ways: by the documented procedure, by Ansible and by this tool."""
