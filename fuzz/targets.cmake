# One line per target: sm_fuzz(request_head USES http)
sm_fuzz(json_request USES llmapi)
sm_fuzz(engine_chunk USES llmapi)
sm_fuzz(engine_metrics USES engine)
