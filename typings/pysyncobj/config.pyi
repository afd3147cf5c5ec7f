class SyncObjConf:
    raftMinTimeout: float
    raftMaxTimeout: float
    appendEntriesPeriod: float
    leaderFallbackTimeout: float
    def __init__(self, **kwargs: object) -> None: ...
