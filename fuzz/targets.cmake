# One line per target: sm_fuzz(request_head USES http)
