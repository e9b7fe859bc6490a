"""What people say a cutout shows: labels are records, and every one is kept."""
