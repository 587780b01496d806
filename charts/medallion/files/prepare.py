"""What a release needs before anything else: its Secrets, then room for its jobs. A refusal comes before any change."""

import os

import clear_jobs
import make_secrets

if __name__ == "__main__":
    if os.environ["MAKE_SECRETS"] == "true":
        make_secrets.main()
    clear_jobs.main()
