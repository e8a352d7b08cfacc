"""What a run is, whatever it trains: its identity, folder, record, machine and launching; nothing that trains."""
